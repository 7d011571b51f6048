"""What answers a request: the network, with every attempt journalled, or the demo in its place."""
