import io
import zipfile

from vggcore.runs.cluster import package


def test_the_same_code_gives_the_same_package():
    name, content = package.make()
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()

    assert (name, content) == package.make()
    assert "vggcore/training/cluster_job.py" in names
    assert "vggcore/wild/garment_icons/icons.csv" in names
    assert not [name for name in names if "__pycache__" in name]
