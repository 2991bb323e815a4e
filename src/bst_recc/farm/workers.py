# A program for BuildGrid's virtual environment: prints the workers that the BuildGrid at a URL knows, as JSON.
# SPDX-License-Identifier: Apache-2.0
"""{NAME: [number of jobs, whether it is well]}."""

import json
import sys

import buildgrid.server.introspection.instance as api
from buildgrid.server.client.channel import setup_channel

ask = setup_channel(sys.argv[1])[0].unary_unary(
    "/build.buildgrid.Introspection/ListWorkers",
    request_serializer=api.ListWorkersRequest.SerializeToString,
    response_deserializer=api.ListWorkersResponse.FromString,
)
workers = ask(api.ListWorkersRequest(), timeout=10, wait_for_ready=True).workers
well = api.BotStatus.OK.value
print(json.dumps({one.worker_name: [len(one.operations), one.bot_status == well] for one in workers}))
