"""From what a cell says to the requests that are sent: everything is checked here, before anything leaves."""
