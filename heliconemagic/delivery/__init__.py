"""What Helicone is told beside the requests, in the background."""
