"""attribution: "Verification Example (Python)"."""

import os
from flask import Flask, request

app = Flask(__name__)

import hmac
import hashlib

def verify_signature(payload, signature, secret):
    expected = hmac.new(
        secret.encode(),
        payload.encode(),
        hashlib.sha256
    ).hexdigest()
    
    return hmac.compare_digest(signature, expected)

# Usage
@app.route('/webhooks/attribution', methods=['POST'])
def handle_webhook():
    signature = request.headers.get('X-Attribution-Signature')
    payload = request.get_data(as_text=True)
    
    if not verify_signature(payload, signature, os.environ['WEBHOOK_SECRET']):
        return 'Invalid signature', 401
    
    # Process the webhook...
    return 'OK', 200
