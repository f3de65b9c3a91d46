"""patra: "Verifying Webhooks", "Python Example"."""

import os
from flask import Flask, request

app = Flask(__name__)

import hmac
import hashlib

def verify_webhook(payload, signature, secret):
    expected = 'sha256=' + hmac.new(
        secret.encode(),
        payload.encode(),
        hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(signature, expected)

@app.route('/webhooks/patra', methods=['POST'])
def webhook():
    signature = request.headers.get('X-Patra-Signature')
    payload = request.get_data(as_text=True)
    
    if not verify_webhook(payload, signature, os.environ['WEBHOOK_SECRET']):
        return 'Invalid signature', 401
    
    event = request.json
    print(f"Received event: {event['event']}")
    
    return 'OK', 200
