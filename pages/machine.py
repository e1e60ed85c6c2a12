"""About this machine: what works on it and in this installation, as `vggcore doctor` says."""

import streamlit as st

from dashboard.shared import address, deployment, formatting
from dashboard.shared.internals import through_entry_point
from dashboard.shared.language import tr
from vggcore.commands import doctor

_FOUND = "machine-findings"


def examine() -> list[doctor.Finding]:
    """All checks, each shown as soon as it is done."""
    findings = []
    with st.status(tr("Checking, with a short training …"), expanded=True) as progress:
        for finding in doctor.examine(st.get_option("server.port")):
            findings.append(finding)
            show(finding)
        progress.update(label=tr("Checked"), state="complete", expanded=False)
    return findings


def show(finding: doctor.Finding) -> None:
    icon = ":green[:material/check_circle:]" if finding.ok else ":red[:material/error:]"
    line = tr("**{what}**: {text}", what=tr(finding.what), text=formatting.plain(tr(finding.text)))
    st.markdown(f"{icon} {line}")


through_entry_point()
address.take({})
st.title(tr("About this machine"), anchor=False)
st.write(
    tr("What works on this machine, and how to fix what does not. In a terminal: `vggcore doctor`.")
)
if deployment.limits().public:  # the address was typed
    st.info(tr("This public page says nothing about its machine."), icon=":material/lock:")
    st.stop()
if st.button(tr("Check again"), icon=":material/refresh:", disabled=_FOUND not in st.session_state):
    del st.session_state[_FOUND]
if _FOUND not in st.session_state:
    st.session_state[_FOUND] = examine()
    st.rerun()
findings = st.session_state[_FOUND]
wrong = [finding for finding in findings if not finding.ok]
if wrong:
    st.warning(
        tr(
            "{wrong} of {all} checks found something to fix.",
            wrong=len(wrong),
            all=len(findings),
        )
    )
for finding in (*wrong, *(finding for finding in findings if finding.ok)):
    show(finding)
