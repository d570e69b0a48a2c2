"""Many runs, each in a process of its own: what is left to do, on which device, and how long."""
