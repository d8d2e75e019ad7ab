"""What `doctor` looks at: each module examines one part of the machine and returns rows."""
