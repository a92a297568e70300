"""What the server of warm processes imports last: with it they have the bundled recording in memory."""

from tests import recording

recording.keep()
