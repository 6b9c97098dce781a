"""Answers when crontab expressions fire, as croniter and cronsim see it.

Reads one JSON object a line: {"cron", "zone", "from" (seconds since the epoch), "count"}.
Writes one a line: {"croniter": [seconds, ...], "cronsim": [seconds, ...]}; {"error": words} where one refuses.
"""

import json
import sys
from datetime import datetime, timezone
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim


def by_croniter(cron, start, count):
    # The flag asks for crontab's own rule for two day fields, which croniter by default reads otherwise.
    runs = croniter(cron, start, ret_type=datetime, implement_cron_bug=True)
    return [next(runs) for _ in range(count)]


def by_cronsim(cron, start, count):
    return list(islice(CronSim(cron, start), count))


def answer(ask, question):
    start = datetime.fromtimestamp(question["from"], timezone.utc)
    start = start.astimezone(ZoneInfo(question["zone"]))
    try:
        runs = ask(question["cron"], start, question["count"])
    except Exception as error:  # whatever an oracle says is an answer
        return {"error": f"{type(error).__name__}: {error}"}
    return [int(run.timestamp()) for run in runs]


for line in sys.stdin:
    question = json.loads(line)
    answers = {"croniter": answer(by_croniter, question), "cronsim": answer(by_cronsim, question)}
    print(json.dumps(answers))
