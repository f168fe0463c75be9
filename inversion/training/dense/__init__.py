"""Networks over all features of one machine's fitted model, taught by least squares; needs the extra `train`."""
