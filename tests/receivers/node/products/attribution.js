'use strict';
// attribution: "Verification Example (Node.js)", with the handling of "Create an Endpoint".

module.exports = (app) => {
const handleDealAttributed = (data) => console.log(data.attribution.length);
const handlePartnerCreated = (data) => console.log(data.name);

const crypto = require('crypto');

function verifySignature(req, secret) {
  const signature = req.headers['x-attribution-signature'];
  const payload = JSON.stringify(req.body);
  
  const hmac = crypto.createHmac('sha256', secret);
  hmac.update(payload);
  const expectedSignature = hmac.digest('hex');
  
  return crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(expectedSignature)
  );
}

app.post('/webhooks/attribution', (req, res) => {
  const event = req.body;

  if (!verifySignature(req, process.env.WEBHOOK_SECRET)) {
    return res.status(401).send('Invalid signature');
  }
  
  // Handle the event
  switch (event.type) {
    case 'deal.attributed':
      handleDealAttributed(event.data);
      break;
    case 'partner.created':
      handlePartnerCreated(event.data);
      break;
    default:
      console.log(`Unhandled event type: ${event.type}`);
  }
  
  // Return 200 to acknowledge receipt
  res.status(200).send('Received');
});
};
