'use strict';
// leads: "Implement Your Endpoint", "Example (Node.js/Express)".

const express = require('../express');

module.exports = (app, WEBHOOK_SECRET) => {
const handleNewLead = (data) => console.log(data.name);
const handleLeadUpdate = (data) => console.log(data.changes);

const crypto = require('crypto');

app.post('/webhook', express.raw({type: 'application/json'}), (req, res) => {
  const signature = req.headers['x-webhook-signature'];
  
  if (!signature) {
    return res.status(401).json({error: 'No signature'});
  }
  
  // Verify signature
  const expectedSignature = crypto
    .createHmac('sha256', WEBHOOK_SECRET)
    .update(req.body)
    .digest('hex');
  
  if (!crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(expectedSignature)
  )) {
    return res.status(401).json({error: 'Invalid signature'});
  }
  
  // Process event
  const event = JSON.parse(req.body);
  
  if (event.event === 'new_lead') {
    handleNewLead(event.data);
  } else if (event.event === 'lead_update') {
    handleLeadUpdate(event.data);
  }
  
  res.status(200).json({status: 'received'});
});
};
