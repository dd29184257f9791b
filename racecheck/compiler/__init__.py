"""Python source to a control-flow graph for each process."""
