"""What `rheobase simulate` does with cells: reads them, runs them, says how they fire."""
