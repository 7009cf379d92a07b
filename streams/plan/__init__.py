"""What a target file will do, before it is published: predicted by the detector and the interval that will judge it."""
