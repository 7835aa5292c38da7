function scores = score(data, scale, results)
% Scores under the protocol `paper`, a row of PSNR and SSIM for each NAME_SCALE_gt.mat of the folder `data`.
% `results` are files of one luma each, 'result/Set5/x3/*_sr.mat', with a star for the name; without it bicubic.
  if nargin < 3
    results = fullfile(data, sprintf('*_%d_lr.mat', scale));
  end
  ending = sprintf('_%d_gt.mat', scale);
  files = dir(fullfile(data, ['*' ending]));
  scores = zeros(numel(files), 2);
  for k = 1:numel(files)
    name = files(k).name(1:end-numel(ending));
    original = load(fullfile(data, files(k).name));
    result = struct2cell(load(strrep(results, '*', name)));
    sr = result{1};
    if isfloat(sr)
      sr = uint8(255 * sr);
    end
    [scores(k, 1), scores(k, 2)] = psnr_ssim(sr, uint8(255 * original.gt), scale);
    fprintf('%-12s %8.4f %7.4f\n', name, scores(k, :));
  end
  fprintf('%-12s %8.4f %7.4f\n', 'mean', mean(scores, 1));
end
