"""Before the first event: the gateway knows who is where, and the targets of this demo are in force."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import httpx

from agents.declared import read_target_files, stamp_now, target_files
from agents.demo.exposition import read_total
from agents.demo.host import host_name
from agents.gateway.directory_load import load
from agents.gateway.identity import Pseudonyms, read_key
from agents.installation import Installation, publishing
from agents.stack import GATEWAY
from agents.target_ledger import publish, retire
from agents.warehouse.client import Warehouse
from streams.catalogue import Catalogue
from streams.errors import XPulseError
from streams.simulate.directory import VALID_FROM, DirectoryRow, device_dimensions, directory_csv
from streams.simulate.organisation import Organisation
from streams.targets import expand

WITHIN_S = 30.0
TEND_EVERY_S = 0.1


class Stage:
    """Prepares one tenant on a running installation."""

    def __init__(self, installation: Installation, tenant: str, organisation: Organisation) -> None:
        self._installation = installation
        self._stack = installation.stack
        self._tenant = tenant
        self._organisation = organisation

    def load_directory(self) -> None:
        """Load the organisation's directory, with this machine as nobody's device, and wait for the gateway to read it.

        Raises:
            XPulseError: It did not within half a minute.
        """
        folder = self._stack.folder
        host = DirectoryRow("device", host_name(), VALID_FROM, device_model="demo-host", shared="true")
        source = folder.run / f"{self._tenant}.csv"
        source.write_text(directory_csv(self._organisation) + ",".join(host) + "\n")
        before, pseudonyms = self._known_entries(), Pseudonyms(read_key(folder.key_file))
        done = load(source, tenant=self._tenant, folder=folder.directory, pseudonyms=pseudonyms)
        source.unlink()
        # The gateway looks for new directories once a second; what came earlier would have no dimensions.
        self._wait_for(lambda: self._known_entries() >= before + done.total, "the gateway to read the directory")

    def _known_entries(self) -> float:
        page = httpx.get(self._stack.metrics_url(GATEWAY), timeout=5.0).text
        return read_total(page, "xpulse_gateway_directory_entries")

    def _wait_for(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not is_done():
            self._installation.tend()
            if time.monotonic() > deadline:
                raise XPulseError(f"waited {WITHIN_S:.0f} s in vain for {what}")
            time.sleep(TEND_EVERY_S)

    def publish_targets(self, catalogue: Catalogue, writer: Warehouse) -> None:
        """Put the shipped targets in force for this tenant, and end those of earlier demos."""
        name, stamp = self._stack.profile.name, stamp_now("demo", "a demo began")
        drafts = [
            draft
            for spec in read_target_files(target_files(), catalogue)
            for draft in expand(spec, tenant=self._tenant, profile=name, values=self._values(), stamp=stamp)
        ]
        with publishing(self._stack) as (ledger, publisher):
            for (tenant,) in writer.ask(_OLD_DEMOS, {"tenant": self._tenant}):
                asyncio.run(retire(ledger, publisher, tenant, stamp_now("demo", "another demo began")))
            asyncio.run(publish(ledger, publisher, drafts))

    def _values(self) -> Mapping[str, Sequence[str]]:
        countries = {dimensions["country"] for dimensions in device_dimensions(self._organisation).values()}
        applications = self._organisation.applications
        return {
            "country": sorted(countries),
            "service": sorted(set(applications.values())),
            "application": sorted(applications),
        }


_OLD_DEMOS = (
    "SELECT DISTINCT tenant FROM xpulse_pub.targets "
    "WHERE state = 'active' AND startsWith(tenant, 'demo-') AND tenant != {tenant:String}"
)
