"""What pages about datasets share: their addresses, what is asked, what is at hand, relations."""
