"""Who said it: keys, DSSE, the frame, the roster. Pure: no clock, file or socket; nothing unverified is decoded."""
