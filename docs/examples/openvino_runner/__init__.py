"""OpenVINO as a runtime: the worked example of docs/adding-a-runtime.md."""
