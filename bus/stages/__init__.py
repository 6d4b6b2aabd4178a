"""What happens: checks (pure), ingest, correlate, and the one worker loop that runs them."""
