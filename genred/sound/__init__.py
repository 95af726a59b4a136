"""A file becomes samples, and samples become one vector: decoding and features, pure."""
