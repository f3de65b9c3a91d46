"""platform: its document has no Python; this one is built like its siblings."""

import os
from flask import Flask, request

app = Flask(__name__)

import hmac
import hashlib

def verify_webhook_signature(payload, signature, secret):
    expected = 'sha256=' + hmac.new(
        secret.encode(),
        payload.encode(),
        hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(signature, expected)

@app.route('/webhooks/platform', methods=['POST'])
def webhook():
    signature = request.headers.get('X-Platform-Signature')
    payload = request.get_data(as_text=True)

    if not verify_webhook_signature(payload, signature, os.environ['WEBHOOK_SECRET']):
        return 'Invalid signature', 401

    return 'OK', 200
