"""Who calls: tokens verified from the snapshot alone, never from the network."""
