"""Files and pictures: the outside world of catalog."""
