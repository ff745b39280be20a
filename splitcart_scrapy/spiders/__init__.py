"""The spiders: declarations of one chain each; what they share lies in ``spiders.base``."""
