"""The words of Didban: frozen values and pure functions. Imports nothing else of ours.

article.py   Link · Page · Article               what is listed, served and read
alert.py     Rule · Match · Alert · Message …    what matters, and what is sent
outcome.py   Saved · Tally                       what a run did
errors.py    every error we raise, as one tree
text.py  dates.py  urls.py  seed.py  copies.py  provinces.py  reading.py
settings.py  the only reader of the environment and of didban.toml
"""

__version__ = "0.1.0"
