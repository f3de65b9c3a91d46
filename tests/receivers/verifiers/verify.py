"""Verifies webhooks with the packages that receivers use; speaks as `verify.mjs` does."""

import json
import sys

import standardwebhooks
import svix

VERIFIERS = {
    "standardwebhooks": lambda secret: standardwebhooks.Webhook(secret),
    "svix": lambda secret: svix.Webhook(secret),
}


def answer(line):
    request = json.loads(line)
    verifier = VERIFIERS[request["package"]](request["secret"])
    try:
        verifier.verify(bytes.fromhex(request["body"]), request["headers"])
    except (standardwebhooks.WebhookVerificationError, svix.WebhookVerificationError) as error:
        return {"verified": False, "error": repr(error)}
    return {"verified": True}


for line in sys.stdin:
    print(json.dumps(answer(line)), flush=True)
