"""Write conversation.jsonl: request and reply lines of one recorded conversation that both languages are tested against.

Run: python -m tests.protocol.make_conversation
"""

from __future__ import annotations

from pathlib import Path

from contract import protocol as p

CONVERSATION = Path(__file__).with_name("conversation.jsonl")
RECEIPT = p.Receipt(
    p.PROTOCOL, "ort-rust", "1.31.1", "6af1a932e", "/venv/capi/libonnxruntime.so.1.31.1", "ab" * 32, "cd" * 32, "release", 2, ("cpu",),
    "libjpeg-turbo 3.1.0", True, ("avx2", "fma"), {"affinity": "0-1", "timer_resolution_ns": 1, "gil": True},
    {"ort": "2.0.0-rc.13"}, 4711,
)  # fmt: skip
OPTIONS: dict[str, p.Option] = {
    "threads": 2, "inter_threads": 1, "spinning": True, "optimization": "all", "arena": True, "memory_pattern": True,
}  # fmt: skip
IMAGES = p.ValueInfo("images", (None, 3, 224, 224), "float32")
LOGITS = p.ValueInfo("logits", (None, 12), "float32")
ARRAYS = {
    "decode": p.ArrayInfo((400, 300, 3), "uint8"),
    "orient": p.ArrayInfo((300, 400, 3), "uint8"),
    "resize": p.ArrayInfo((256, 341, 3), "uint8"),
    "crop": p.ArrayInfo((224, 224, 3), "uint8"),
    "normalise": p.ArrayInfo((3, 224, 224), "float32"),
    "logits": p.ArrayInfo((12,), "float32"),
}
TALK: list[tuple[str, object, object]] = [
    ("hello", p.HelloArgs(), RECEIPT),
    ("hello", p.HelloArgs(1), p.Failure("usage", "asked for protocol 1, this runner speaks 3", "", "use one checkout")),
    (
        "load",
        p.LoadArgs("/a/raw-dynamic.onnx", "cpu", OPTIONS),
        p.Loaded(
            "m1",
            ("cpu",),
            None,
            OPTIONS | {"denormals": "kept"},
            (IMAGES,),
            (LOGITS,),
            ("RED ADMIRAL", "ORACLE'S EYE — Ω"),
            "ef" * 32,
            81_000_000,
        ),
    ),
    ("load", p.LoadArgs("/a/x.onnx", "cuda", {}), p.Failure("environment", "no provider cuda", "ort-rust", "install onnxruntime-gpu")),
    (
        "predict",
        p.PredictArgs("m1", ("/i/1.jpg", "/i/2.jpg"), None, 2, (), "/o/1.npz"),
        p.Predicted({"logits": p.ArrayInfo((2, 12), "float32")}, (3, 7), (4294967295,)),
    ),
    (
        "predict",
        p.PredictArgs("m1", None, "/t/batch.npy", 8, ("val_12",), "/o/2.npz"),
        p.Predicted({"val_12": p.ArrayInfo((8, 64, 56, 56), "float32")}, None, (0,)),
    ),
    ("stages", p.StagesArgs("m1", "/i/1.jpg", None, "/o/3.npz"), p.Staged(ARRAYS, 3, "ORACLE'S EYE — Ω", 6)),
    (
        "stages",
        p.StagesArgs("m1", "/i/1.jpg", p.StageStart("crop", "/t/crop.npy"), "/o/4.npz"),
        p.Staged({name: ARRAYS[name] for name in ("crop", "normalise", "logits")}, 3, None, None),
    ),
    ("time", p.TimeArgs("m1", "latency", None, "/t/batch.npy", 1, 3, 2, None, False), p.Timed((16_930_001, 16_920_002), (7, 7), None)),
    (
        "time",
        p.TimeArgs("m1", "e2e", ("/i/1.jpg",), None, 1, 0, 1, 5_000_000_000, True),
        p.Timed(
            (20_000_000,),
            (7,),
            {
                "read": (60_000,),
                "decode": (1_000_000,),
                "resize": (900_000,),
                "normalise": (100_000,),
                "logits": (17_900_000,),
                "label": (100,),
            },
        ),
    ),
    ("time", p.TimeArgs("m1", "load", None, None, 1, 1, 1, None, False), p.Timed((80_000_000,), (0,), None)),
    (
        "profile",
        p.ProfileArgs("m1", "/t/batch.npy", 1, 3),
        p.Profiled((p.OperatorTime("Conv", 60, 45_000_000),), (p.NodeTime("node_conv2d", "Conv", 2_000_000),), 48_000_000),
    ),
    ("unload", p.UnloadArgs("m1"), p.Nothing()),
    ("quit", p.Nothing(), p.Nothing()),
]


def lines() -> list[str]:
    """Request, reply, request, reply, …"""
    made = []
    for seq, (verb, arguments, result) in enumerate(TALK, start=1):
        made.append(p.encode(p.Request(seq, verb, p.strict.plain(arguments))))
        bad = isinstance(result, p.Failure)
        made.append(p.encode(p.BadReply(seq, False, result) if bad else p.GoodReply(seq, True, p.strict.plain(result))))  # type: ignore[arg-type]
    return made


if __name__ == "__main__":
    CONVERSATION.write_text("\n".join(lines()) + "\n", encoding="utf-8")
