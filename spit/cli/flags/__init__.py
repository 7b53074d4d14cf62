"""The flags of every command, a module per kind of command. None imports anything heavy (spit.cli.parser)."""
