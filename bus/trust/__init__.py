"""Who said it: keys, DSSE, the frame and the roster. Pure: no clock, file or socket, and nothing is decoded unverified."""
