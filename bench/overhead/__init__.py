"""What a runtime adds around a model: a model of one Relu, called in every way that there is, in Python and in Rust."""
