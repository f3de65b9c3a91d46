'use strict';
// cathcr: "Verification (Node.js)", with the handler of "Analytics Tracking".

const express = require('../express');

module.exports = (app) => {
const analytics = { track: (name, properties) => console.log(name, properties) };

// Track thought patterns in analytics
function handleWebhookEvent(event) {
  switch (event.event) {
    case 'thought.created':
      analytics.track('Thought Created', {
        user_id: event.data.user_id,
        category: event.data.thought.category?.name,
        has_tags: event.data.thought.tags.length > 0
      });
      break;

    case 'reminder.completed':
      analytics.track('Reminder Completed', {
        user_id: event.data.user_id,
        completion_time: event.data.reminder.completed_at
      });
      break;
  }
}

const crypto = require('crypto');

function verifyWebhookSignature(payload, signature, secret) {
  const hmac = crypto.createHmac('sha256', secret);
  hmac.update(payload, 'utf8');
  const calculatedSignature = `sha256=${hmac.digest('hex')}`;

  return crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(calculatedSignature)
  );
}

// Express.js example
app.post('/webhooks/cathcr', express.raw({ type: 'application/json' }), (req, res) => {
  const signature = req.headers['x-cathcr-signature-256'];
  const payload = req.body;

  if (!verifyWebhookSignature(payload, signature, process.env.WEBHOOK_SECRET)) {
    return res.status(401).send('Unauthorized');
  }

  // Process webhook
  const event = JSON.parse(payload);
  handleWebhookEvent(event);

  res.status(200).send('OK');
});
};
