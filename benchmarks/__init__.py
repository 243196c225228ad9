"""Side by side with other libraries, in their own environment: see `benchmarks/peers/requirements.txt`."""
