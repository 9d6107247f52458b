"""Regressions of 0/1 outcomes whose rows belong to patients: over all patients (GEE), or within them (variational Bayes)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spinefx_stats.terms import Design, Fitted, Term, attempt, too_few
from spinefx_stats.weighted import Array

GEE = "logistic GEE, exchangeable"
BAYES = "logistic mixed model, variational Bayes"


def gee(y: Array, design: Design) -> Fitted:
    """P(y = 1) through generalised estimating equations: what holds over all patients (population-averaged).

    Notes
    -----
    Liang and Zeger, Biometrika 73:13 (1986), exchangeable working correlation; standard errors corrected for few
    patients (Mancl and DeRouen, Biometrics 57:126, 2001), Student's t with patients - terms degrees of freedom.
    """
    from scipy.stats import t
    from statsmodels.genmod import generalized_estimating_equations as equations
    from statsmodels.genmod.cov_struct import Exchangeable
    from statsmodels.genmod.families import Binomial

    people = design.people
    head = (GEE, len(y), people)
    if why := too_few(y, design, binary=True):
        return Fitted(*head, note=why)
    model = equations.GEE(y, design.matrix, groups=design.codes, family=Binomial(), cov_struct=Exchangeable())
    result, told = attempt(lambda: model.fit(maxiter=200, cov_type="bias_reduced"))
    if result is None or not result.converged:
        return Fitted(*head, note=f"did not converge ({told or 'within 200 rounds'})")
    estimates, errors = np.asarray(result.params), np.asarray(result.bse)
    if why := _separated(estimates, errors, design):
        return Fitted(*head, note=why)
    df = max(people - len(estimates), 1)
    reach = float(t.ppf(0.975, df))
    terms = tuple(
        Term(name, b, b - reach * se, b + reach * se, float(2 * t.sf(abs(b) / se, df)), df)
        for name, b, se in zip(design.terms, estimates.tolist(), errors.tolist(), strict=True)
    )
    return Fitted(*head, terms)


def bayes(y: Array, design: Design) -> Fitted:
    """P(y = 1) with a random intercept per patient: what holds within a patient; posterior means and 95 % intervals.

    Notes
    -----
    Variational Bayes, priors N(0, 2) on coefficients and N(0, .5) on the log standard deviation of intercepts, as
    statsmodels' BinomialBayesMixedGLM has it. Such intervals err on the narrow side; no p is given.
    """
    from scipy import sparse
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    people = design.people
    head = (BAYES, len(y), people)
    if why := too_few(y, design, binary=True):
        return Fitted(*head, note=why)
    whose = sparse.csr_matrix((np.ones(len(y)), (np.arange(len(y)), design.codes)), shape=(len(y), people))
    model = BinomialBayesMixedGLM(y, design.matrix, whose, np.zeros(people, int), vcp_p=0.5, fe_p=2.0)
    k = design.matrix.shape[1]
    start = np.concatenate([np.zeros(k + 1), np.zeros(people)])
    result, told = attempt(lambda: model.fit_vb(mean=start, sd=np.full(len(start), 0.5), verbose=False))
    if result is None:
        return Fitted(*head, note=f"did not converge ({told})")
    means, spreads = np.asarray(result.fe_mean), np.asarray(result.fe_sd)
    if not (np.isfinite(means).all() and np.isfinite(spreads).all()):
        return Fitted(*head, note="did not converge (its numbers are not finite)")
    terms = tuple(
        Term(name, b, b - 1.96 * s, b + 1.96 * s)
        for name, b, s in zip(design.terms, means.tolist(), spreads.tolist(), strict=True)
    )
    return Fitted(*head, terms, note="" if not told else f"statsmodels warns: {told}")


def _separated(estimates: Array, errors: Array, design: Design) -> str:
    """Which term separates the classes without remainder, so that it has no finite odds, or ""."""
    reach = np.concatenate([[1.0], np.maximum(design.matrix[:, 1:].std(axis=0), 1e-300)])
    bad = (np.abs(estimates) * reach > 10) | ~np.isfinite(errors) | (errors * reach > 10)
    names: Iterable[str] = (name for name, wrong in zip(design.terms, bad, strict=True) if wrong)
    listed = ", ".join(names)
    return f"{listed} tells the classes apart without remainder: no finite odds" if listed else ""
