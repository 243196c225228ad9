"""The work behind `rheobase fit`: reading, searching, and the page about it."""
