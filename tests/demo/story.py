"""The story: three versions that reach users on a person's word, one by way of staging, and one that comes back."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.demo import install, launches, samples, users
from tests.demo.launches import Launch, decided_at, outcome
from tests.demo.screen import Screen
from tests.demo.site import CannotRun, Site
from tests.demo.users import Users
from tests.demo.world import NAMESPACE, STAGING, Object, Seen, World

PATIENCE = 150.0
"""Seconds that a step of the story may take."""
APPROVE = '{"spec":{"approved":true}}'


class Story:
    """Tells it act by act. `pauses`: a person presses Enter before each act, or runs the commands elsewhere."""

    def __init__(self, site: Site, *, live: bool, pauses: bool) -> None:
        self._site = site
        self._world = World(site)
        self._users = Users(site)
        self._staging = World(site, STAGING)
        self._testers = Users(site, users.STAGING_HOST, rate=20)
        self._screen = Screen(self._users, live=live)
        self._pauses = pauses
        self._launches: list[Launch] = []

    def run(self) -> bool:
        """Tell all of it; whether everything ended as it should."""
        try:
            self._prepare()
            self._first()
            self._from_staging()
            self._canary()
            self._failing()
        finally:
            self._testers.stop()
            self._users.stop()
        return self._sum_up()

    # Acts

    def _prepare(self) -> None:
        self._screen.title("Before the story")
        self._screen.tell(
            "Namespaces shop and shop-staging: group developers has the role edit in both, group approvers has "
            "slipway-approver in shop. In shop-staging the administrator allows that gates decide alone. "
            "The operator runs as system:serviceaccount:slipway-system:slipway."
        )
        image = f"{self._site.image}:v1"
        namespace, staging = samples.staging(image)
        self._site.must("apply", "--server-side", "-f", "-", stdin=json.dumps(namespace))
        install.people(self._site.must)
        if not install.settled(self._site.must):
            raise CannotRun(
                "the API server does not enforce Slipway's admission policies: is manifests/install applied?"
            )
        gateway = self._site.gateway
        routes = samples.route(gateway), samples.staging_route(gateway, STAGING, users.STAGING_HOST)
        file = samples.write(self._site.folder / "route.yaml", *routes)
        self._do("admin", "apply", "--server-side", "-f", file.name)
        self._testers.start()
        samples.write(self._site.folder / "staging.yaml", staging)
        self._do("developer", "apply", "--server-side", "-f", "staging.yaml")

    def _first(self) -> None:
        self._screen.title("1. v1, the first version: even that one waits for a person")
        self._propose("v1", "blue-green", asks="create the Rollout and a Promotion for its first revision")
        seen = self._until_asked("v1")
        self._checks(seen)
        self._screen.tell(f"A user who asks now gets: {users.once(self._site)}. Nobody has approved anything yet.")
        self._approve("v1")
        self._follow("v1", lambda seen: seen.phase == "Verifying" or bool(decided_at(seen.verdict)))
        self._users.start()
        began = time.time()
        self._end("v1", "blue/green", "Succeeded", began)

    def _from_staging(self) -> None:
        self._screen.title("2. v2: proven in staging, then by blue/green beside v1")
        began = time.time()
        self._propose(
            "v2", "blue-green", asks="put v2 into the Rollout, with a Promotion from shop-staging", proven_in=STAGING
        )
        seen = self._follow("v2", lambda seen: seen.verdict.get("phase") == "Blocked")
        self._screen.tell(f"Promotion web-v2 says: {seen.verdict['message']}")
        self._prove("v2")
        seen = self._until_asked("v2")
        self._checks(seen)
        self._screen.tell("All that there is to know stands in one report. The approver reads it:")
        self._follow("v2", lambda seen: bool(seen.verdict.get("report")))
        self._read("approver", "report.md", 24, "get", "configmap", "web-v2-report")
        self._screen.tell("The developer, who may edit all of this, tries to approve:")
        self._refused("v2")
        self._approve("v2")
        self._end("v2", "blue/green", "Succeeded", began)

    def _canary(self) -> None:
        self._screen.title("3. v3 by canary: 10 %, then 50 % when asked again, then all")
        began = time.time()
        self._propose("v3", "canary", asks="put v3 and the canary strategy into the Rollout, with a Promotion")
        self._until_asked("v3")
        self._approve("v3")
        self._second_word("v3", 50)
        self._end("v3", "canary", "Succeeded", began)

    def _failing(self) -> None:
        self._screen.title("4. v4 by canary: it is approved, and fails a third of its requests")
        began = time.time()
        self._propose("v4", "canary", asks="put v4 into the Rollout, with a Promotion")
        self._until_asked("v4")
        self._screen.tell("Its probes and smoke test are fine, so the approver has no reason to refuse:")
        self._approve("v4")
        self._end("v4", "canary", "RolledBack", began)
        seen = self._follow("v4", lambda seen: seen.phase == "RolledBack")
        report = self._users.report().between(began)
        bad = len(report.failures)
        self._screen.tell(f"Nobody did anything. Of {len(report)} requests since v4 was proposed, {bad} failed.")
        self._screen.tell(f"Now: {seen.message}")
        serving = (seen.status.get("stable") or {}).get("images")
        if serving != [f"{self._site.image}:v3"]:
            raise CannotRun(f"v3 should serve again, but it is {serving}")
        self._records()

    def _records(self) -> None:
        """What is left of it all, for those who ask in a year."""
        self._screen.title("5. What stays: the outcome in the report, and a record of each launch, in a chain")
        self._follow("v3", lambda seen: bool((seen.verdict.get("report") or {}).get("summaryDigest")))
        self._read("admin", "summary.md", 30, "get", "configmap", "web-v3-report")
        seen = self._follow("v4", lambda seen: bool(seen.verdict.get("records")))
        labels = "slipway.dev/record,slipway.dev/promotion"
        self._do("admin", "-n", NAMESPACE, "get", "configmaps", "-l", "slipway.dev/launch-of=web", "-L", labels)
        self._read("admin", "record.md", 30, "get", "configmap", seen.verdict["records"][-1]["configMap"])

    def _sum_up(self) -> bool:
        self._screen.title("What happened")
        ended = [(launch, self._world.promotion(launch.promotion)) for launch in self._launches]
        self._screen.console.print(launches.table(ended, self._users.report()))
        report = self._users.report()
        report.write(self._site.folder / "requests.jsonl")
        lost = report.between(0, self._launches[-1].began)
        if lost.failures:
            self._screen.tell(f"Requests failed during healthy launches, which should not be. {lost.summary()}")
        return not lost.failures

    # Parts of acts

    def _prove(self, version: str) -> None:
        """In staging nobody is asked: the gates have to pass under the testers' requests."""
        image = f"{self._site.image}:{version}"
        samples.write(self._site.folder / "staging.yaml", samples.staging(image)[1])
        self._screen.tell("So the developer brings it to staging, where the gates decide alone (staging.yaml):")
        self._do("developer", "apply", "--server-side", "-f", "staging.yaml", pause=True)

        def proven(seen: Seen) -> bool:
            stable = seen.status.get("stable") or {}
            return bool(stable.get("images") == [image] and seen.phase in ("Watching", "Healthy"))

        seen = self._staging.watch("", proven, PATIENCE, lambda _: None)
        self._screen.tell(f"Rollout web in {STAGING}: {seen.phase}: {seen.message}")

    def _propose(self, version: str, sample: str, asks: str, proven_in: str = "") -> None:
        """The developer applies the Rollout with this version and a Promotion for it."""
        image = f"{self._site.image}:{version}"
        name = f"web-{version}"
        file = self._site.folder / f"{name}.yaml"
        samples.write(file, samples.rollout(sample, image), samples.promotion(version, proven_in))
        self._screen.tell(f"The developer will {asks} ({file}):")
        self._do("developer", "apply", "--server-side", "-f", file.name, pause=True)

    def _until_asked(self, version: str) -> Seen:
        seen = self._follow(version, lambda seen: seen.verdict.get("phase") == "AwaitingApproval")
        self._screen.tell(f"Promotion web-{version} says: {seen.verdict['message']}")
        return seen

    def _checks(self, seen: Seen) -> None:
        for check in seen.verdict.get("checks", []):
            self._screen.answer(f"{check['result']:<14}{check['name']:<20}{check.get('message', '')}")

    def _refused(self, version: str) -> None:
        done = self._run("developer", *_patch(version, APPROVE))
        if done.returncode == 0:
            raise CannotRun("the developer's approval was accepted: the admission policies do not work")
        self._screen.answer(done.stderr, bad=True)

    def _approve(self, version: str) -> None:
        self._screen.tell("The approver reads the same and says yes:")
        self._do("approver", *_patch(version, APPROVE), pause=True, done=lambda: self._granted(version))

    def _granted(self, version: str) -> bool:
        return (self._world.promotion(f"web-{version}").get("spec") or {}).get("approved") is True

    def _second_word(self, version: str, weight: int) -> None:
        self._follow(version, lambda seen: seen.verdict.get("phase") == "AwaitingApproval" and _share(seen) > 0)
        self._screen.tell(f"The step to {weight} % asks again; until somebody answers it stays as it is:")
        patch = f'{{"spec":{{"approvedWeight":{weight}}}}}'

        def done() -> bool:
            spec = self._world.promotion(f"web-{version}").get("spec") or {}
            return int(spec.get("approvedWeight") or 0) >= weight

        self._do("approver", *_patch(version, patch), pause=True, done=done)

    def _end(self, version: str, strategy: str, wanted: str, began: float) -> Seen:
        """Follow it until the Promotion has succeeded or ended, which must be with this outcome."""
        name = f"web-{version}"
        seen = self._follow(version, lambda seen: bool(decided_at(seen.verdict)))
        self._launches.append(Launch(version, strategy, name, began, time.time()))
        self._screen.tell(f"Promotion {name}: {seen.verdict.get('phase')}: {seen.verdict.get('message')}")
        if outcome(seen.verdict) != wanted:
            raise CannotRun(f"Promotion {name} ended {outcome(seen.verdict)}, not {wanted}")
        return seen

    def _follow(self, version: str, until: Callable[[Seen], bool]) -> Seen:
        with self._screen.showing():
            return self._world.watch(f"web-{version}", until, PATIENCE, self._show)

    def _show(self, seen: Seen) -> None:
        self._screen.show(seen)
        if self._site.revive():
            self._screen.tell("The operator had ended (this machine is too busy for its lease) and is started again.")

    # Commands

    def _do(self, person: str, *arguments: str, pause: bool = False, done: Callable[[], bool] | None = None) -> None:
        """Run a command that must work; with pauses, only when the person at the terminal has not done so already."""
        if pause and self._pauses:
            self._pause(person, arguments)
            if done is not None and done():
                self._screen.answer("done already, in another terminal")
                return
        completed = self._run(person, *arguments)
        self._screen.answer(completed.stdout)
        if completed.stderr:
            self._screen.answer(completed.stderr, bad=completed.returncode != 0)
        if completed.returncode:
            raise CannotRun(f"the {person}'s command failed")

    def _read(self, person: str, key: str, lines: int, *arguments: str) -> None:
        """The first lines of one key of a ConfigMap."""
        path = f"jsonpath={{.data.{key.replace('.', chr(92) + '.')}}}"
        completed = self._run(person, "-n", NAMESPACE, *arguments, "-o", path)
        if completed.returncode:
            raise CannotRun(f"the {person} cannot read it: {completed.stderr}")
        shown = completed.stdout.splitlines()
        more = [f"[… {len(shown) - lines} more lines]"] if len(shown) > lines else []
        self._screen.answer("\n".join([*shown[:lines], *more]))

    def _run(self, person: str, *arguments: str) -> Any:
        self._screen.command(person, _typed(arguments))
        return self._site.kubectl(person, arguments)

    def _pause(self, person: str, arguments: tuple[str, ...]) -> None:
        self._screen.tell("Enter runs the next command. Or run it yourself in another terminal, and press Enter then:")
        self._screen.answer(self._site.people[person].preparation)
        self._screen.answer(_typed(arguments))
        sys.stdout.flush()
        input()


def _patch(version: str, patch: str) -> tuple[str, ...]:
    return ("-n", NAMESPACE, "patch", "promotions.slipway.dev", f"web-{version}", "--type", "merge", "-p", patch)


def _typed(arguments: tuple[str, ...]) -> str:
    """As one types it in a shell."""
    return " ".join(["kubectl", *(f"'{one}'" if "{" in one else one for one in arguments)])


def _share(seen: Seen) -> int:
    candidate: Object = seen.status.get("candidate") or {}
    return int(candidate.get("weight") or 0)
