"""What `rheobase convert` is made of."""
