'use strict';
// A receiver as one product's document has it, for tests: `node receiver.js PRODUCT`.
//
// It listens on a free loopback port and says, a JSON line each: {"port": …} once; {"request": …} for
// every request, before it is answered; {"done": true} for every command that it has carried out.
// Commands are JSON lines on standard input, whose end is its own:
//   {"secret": "…"}               the product's code starts anew with this secret
//   {"answer": 500, "times": 2}   instead of what the code answers, to the next two requests
//   {"answer": 500}               the same to all that follow; null: what the code answers again
//   {"answer": "hang"}            no answer at all
// The product's code is in `products/`, what it needs of Express in `express.js`.

const http = require('http');
const readline = require('readline');
const express = require('./express');

const product = require(`./products/${process.argv[2]}`);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// The documents' code logs to where we speak.
console.log = () => {};
console.error = () => {};

let app = express();
let next = [];
let always = null;

const server = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => serve(req, res, Buffer.concat(chunks)));
});

async function serve(req, res, raw) {
  const answer = await app.handle(req, raw);
  const verified = answer.code >= 200 && answer.code < 300;
  const instead = next.length > 0 ? next.shift() : always;
  const status = instead ?? answer.code;
  const hangs = status === 'hang';
  print({
    request: {
      line: `${req.method} ${req.url}`,
      headers: pairs(req.rawHeaders),
      body: raw.toString('hex'),
      verified,
      status: hangs ? null : status,
    },
  });
  if (hangs) return;
  res.writeHead(status, { 'Content-Type': answer.type });
  res.end(answer.body);
}

function pairs(list) {
  const found = [];
  for (let at = 0; at < list.length; at += 2) found.push([list[at], list[at + 1]]);
  return found;
}

function obey(command) {
  if ('secret' in command) {
    process.env.WEBHOOK_SECRET = command.secret;
    app = express();
    product(app, command.secret);
  } else if ('times' in command) {
    for (let n = 0; n < command.times; n += 1) next.push(command.answer);
  } else {
    always = command.answer;
  }
  print({ done: true });
}

server.listen(0, '127.0.0.1', () => print({ port: server.address().port }));
const commands = readline.createInterface({ input: process.stdin });
commands.on('line', (line) => obey(JSON.parse(line)));
commands.on('close', () => process.exit(0));
