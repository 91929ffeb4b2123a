"""prefect.yaml and the flows, as Prefect reads them; in processes of their own, for Prefect takes seconds to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parents[2]

# Loads each deployment of prefect.yaml as `prefect deploy --all` does, and asks its flow what it would make of parameters.
LOOK = """
import json, sys
from pathlib import Path
import flows.deployed
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.flows import load_flow_from_entrypoint
import yaml

given = yaml.safe_load(Path(sys.argv[1]).read_text("utf-8"))
PrefectYamlModel.model_validate(given)
found = {}
for deployment in given["deployments"]:
    flow = load_flow_from_entrypoint(deployment["entrypoint"])
    flow.validate_parameters(deployment.get("parameters", {})) if deployment["name"] != "backfill" else None
    found[deployment["name"]] = {
        "flow": flow.name,
        "description": flow.description,
        "is_async": flow.isasync,
        "parameters": flow.parameters.properties,
        "required": flow.parameters.required,
    }
print(json.dumps({"flows": found, "known": sorted(flows.deployed.FLOWS)}))
"""


def python(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(REPO), "PREFECT_HOME": str(tmp_path / "prefect"), "DIDBAN_VAR": str(tmp_path)}
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=tmp_path,
        env=env | variables,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.slow
def test_every_deployments_entrypoint_loads_and_its_parameters_are_typed(tmp_path: Path) -> None:
    done = python(tmp_path, "-c", LOOK, str(REPO / "prefect.yaml"))
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert sorted(seen["flows"]) == seen["known"] == ["backfill", "notify", "watch"]
    for name, flow in seen["flows"].items():
        assert flow["flow"] == name
        assert flow["description"], "the server's page says what it does"
        assert not flow["is_async"], "run_as_flow gets a Tally, not a coroutine"
    watch, backfill = seen["flows"]["watch"], seen["flows"]["backfill"]
    assert watch["parameters"]["minutes"]["type"] == "number"
    assert {"type": "array", "items": {"type": "string"}} in watch["parameters"]["sources"]["anyOf"]
    assert backfill["required"] == ["source"]
    assert backfill["parameters"]["order"]["enum"] == ["newest", "oldest"]
    assert backfill["parameters"]["shards"]["maximum"] == 16
    undescribed = [
        name for flow in (watch, backfill) for name, one in flow["parameters"].items() if "description" not in one
    ]
    assert undescribed == [], "the form says what each is"
    assert backfill["parameters"]["notify"]["type"] == "boolean"


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    done = python(tmp_path, "-m", "flows.cli", "notify", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("didban: the Prefect server at http://127.0.0.1:9/api does not answer (")
    assert done.stderr.count("\n") == 1, done.stderr
