// Reads one JSON string per line, each a document's text. Answers one line each: what
// JSON.stringify(JSON.parse(document)) gives, with the numbers that JavaScript would change as they
// were written; or null where JSON.parse refuses the document.
'use strict';

// A number's exact value as text that is the same for all its spellings; null if it is not finite.
function decimal(literal) {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal);
  if (!parts) return null;
  const [, sign, whole, fraction = '', exponent = '0'] = parts;
  const digits = whole + fraction;
  let from = 0;
  let to = digits.length;
  while (from < to && digits[from] === '0') from += 1;
  while (to > from && digits[to - 1] === '0') to -= 1;
  if (from === to) return '0';
  const scale = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - to);
  return `${sign}${digits.slice(from, to)}e${scale}`;
}

const survives = (literal) => decimal(String(Number(literal))) === decimal(literal);

const STRING_OR_NUMBER =
  /"(?:[^"\\]|\\.)*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g;

function roundTrip(text) {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const masked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || survives(token) ? token : `"@number ${token}@"`);
  return JSON.stringify(JSON.parse(masked)).replace(/"@number ([^"@]*)@"/g, '$1');
}

const lines = require('node:fs').readFileSync(0, 'utf8').split('\n').filter(Boolean);
process.stdout.write(lines.map((line) => `${JSON.stringify(roundTrip(JSON.parse(line)))}\n`).join(''));
