"""Health checks of the containers: exit 0 where the part does its work, 1 with a line where it doesn't."""
