"""The runner `openvino`: what is OpenVINO's own in the verbs of the protocol. It has no `profile`, which is answered `unsupported`."""

from __future__ import annotations

from pathlib import Path

from contract import protocol
from contract.serve import Handler
from docs.examples.openvino_runner import session
from docs.examples.openvino_runner.receipt import RUNTIME, receipt
from infer_py import model as models
from infer_py.model import described
from infer_py.verbs import Verbs


class Runner(Verbs):
    """`predict`, `stages`, `time` and `unload` are those of ort-python: preprocessing, stopwatch and checks are the same code."""

    def __init__(self) -> None:
        super().__init__(RUNTIME)

    def handlers(self) -> dict[str, Handler]:
        """Verb to function, for contract.serve."""
        return super().handlers() | {"hello": lambda _: receipt(), "load": self.load}

    def load(self, asked: protocol.LoadArgs) -> protocol.Loaded:
        """Create a session. OpenVINO's CPU plugin has no other place for a node, and no way to say where one is."""
        options = session.Options.parse(asked.options)
        session.known_provider(asked.provider)
        model = models.load(Path(asked.model), asked.provider, options, session)
        return protocol.Loaded(
            id=self._keep(model),
            providers=(asked.provider,),
            placement=None,
            options=session.in_force(model.session),
            inputs=described(model.session.get_inputs()),
            outputs=described(model.session.get_outputs()),
            classes=model.card.labels,
            model_sha256=model.file.sha256,
            ns=model.ns,
        )
