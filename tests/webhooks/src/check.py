import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def check(webhook, message):
    try:
        webhook.verify(message["body"], message["headers"])
        return True
    except WebhookVerificationError:
        return False


given = json.load(sys.stdin)
webhook = Webhook(given["secret"])
json.dump([check(webhook, message) for message in given["messages"]], sys.stdout)
