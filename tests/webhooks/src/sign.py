import json
import sys
from datetime import datetime, timezone

from standardwebhooks.webhooks import Webhook

given = json.load(sys.stdin)
webhook = Webhook(given["secret"])


def sign(message):
    at = datetime.fromtimestamp(message["timestamp"], tz=timezone.utc)
    return webhook.sign(message["id"], at, message["body"])


json.dump([sign(message) for message in given["messages"]], sys.stdout)
