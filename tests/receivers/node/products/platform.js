'use strict';
// platform: "Signature Verification", with the endpoint of "Configure Webhook Endpoint".

module.exports = (app) => {
const handleWebhookEvent = (event) => console.log(event.id, event.api_version);

const crypto = require('crypto');

function verifyWebhookSignature(request) {
  const signature = request.headers['x-platform-signature'];
  const body = JSON.stringify(request.body);
  const secret = process.env.WEBHOOK_SECRET;
  
  const expectedSignature = 'sha256=' + 
    crypto.createHmac('sha256', secret)
          .update(body)
          .digest('hex');
  
  return crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(expectedSignature)
  );
}

app.post('/webhooks/platform', (req, res) => {
  const event = req.body;
  
  // Verify webhook signature
  if (!verifyWebhookSignature(req)) {
    return res.status(401).send('Invalid signature');
  }
  
  // Process the event
  handleWebhookEvent(event);
  
  // Return success response
  res.status(200).send('OK');
});
};
