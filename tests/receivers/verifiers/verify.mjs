// Verifies webhooks with the packages that receivers use. A JSON line in, as in
// {"package": "svix", "secret": "…", "headers": {…}, "body": "hex"}, and a JSON line out: {"verified": true},
// or {"verified": false, "error": "…"}. Runs in the folder with the packages (`scripts/verifiers`).

import readline from 'node:readline';
import { verify as verifyGithub } from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';

const verifiers = {
  standardwebhooks: ({ secret, headers, body }) => new StandardWebhook(secret).verify(body, headers),
  svix: ({ secret, headers, body }) => new SvixWebhook(secret).verify(body, headers),
  stripe: ({ secret, headers, body }) =>
    new Stripe('sk_test_none').webhooks.constructEvent(body, headers['stripe-signature'], secret),
  '@octokit/webhooks-methods': async ({ secret, headers, body }) => {
    if (!(await verifyGithub(secret, body, headers['x-hub-signature-256']))) throw new Error('no match');
  },
};

async function answer(line) {
  const request = JSON.parse(line);
  const body = Buffer.from(request.body, 'hex').toString('utf8');
  try {
    await verifiers[request.package]({ ...request, body });
    return { verified: true };
  } catch (error) {
    return { verified: false, error: String(error) };
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
