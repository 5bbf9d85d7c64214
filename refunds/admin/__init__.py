"""The staff's desk in Django's admin."""
