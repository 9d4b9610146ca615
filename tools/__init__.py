"""What the project's own work needs and its users do not."""
