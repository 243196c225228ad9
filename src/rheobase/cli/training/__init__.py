"""What `rheobase train` is made of: settings, network, folder, run, figures and report."""
