"""x."""
import json
def show(tally, out, *, as_json):
    from bus.demo.tally import figures
    out.write(json.dumps(figures(tally), indent=1)[:3000])
