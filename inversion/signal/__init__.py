"""Pure functions on sampled signals: transforms, envelopes, order spectra. No units of machines, no input or output."""
