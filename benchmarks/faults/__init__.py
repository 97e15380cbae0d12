"""What is left after kills, full disks, altered files and two commands at once."""
